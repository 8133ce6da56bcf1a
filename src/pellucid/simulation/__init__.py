"""Simulated tissue with known truth (`phantom`), and noise to put on clean images (`noise`)."""
