"""The training loop: `nn.fit`."""
