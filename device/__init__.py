"""Read digits from a camera, a file or a simulated camera. Never imports tensorflow."""
