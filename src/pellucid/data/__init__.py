"""What a method learns from: sources of images, their intensity range, checks of them, and patches cut from them."""
