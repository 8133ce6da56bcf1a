"""A run: from images to a trained model in a folder, and from there to denoised images."""
