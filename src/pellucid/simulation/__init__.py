"""Simulated tissue with known truth (`phantom`), and noise for clean images (`noise`)."""
