"""Weights from files: trained networks, and pretrained weights for both branches."""
