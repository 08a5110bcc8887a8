"""What every test run says first: which engine it tests."""

from __future__ import annotations

import autograd


def pytest_report_header() -> str:
    return f"valuegrad {autograd.__version__}, the {autograd.engine()} engine"
