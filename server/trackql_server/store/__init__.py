"""How it is kept: knows no viewer and no rule."""
