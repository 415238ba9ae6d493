"""May they? Do it in one transaction; announce it after the commit."""
