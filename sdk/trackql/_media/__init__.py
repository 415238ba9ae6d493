"""How rich values become bytes: recognised, copied, and encoded behind the training loop."""
