"""Blockwise runs: files of any size denoised block by block within given memory, resumable, on one machine or many."""
