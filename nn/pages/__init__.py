"""The page of a film, as the files beside this one and those of `autograd.pages`."""
