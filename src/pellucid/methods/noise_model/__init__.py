"""What is known of the noise of some images: its spectrum, its strength at each intensity, and the shading."""
