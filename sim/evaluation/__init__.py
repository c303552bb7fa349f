"""How good the pole is: runs with known truth, measured (docs/evaluation.md)."""
