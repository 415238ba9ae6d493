"""Measures trackql and its peers side by side; each row's module says what its numbers mean."""
