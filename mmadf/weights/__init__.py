"""Loading of trained networks, and of pretrained weights into both branches."""
