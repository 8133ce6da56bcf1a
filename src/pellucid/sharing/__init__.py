"""A trained model for other programs: as ONNX, and as a package for the BioImage Model Zoo."""
