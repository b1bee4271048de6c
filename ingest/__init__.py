"""From video streams to crops: sources, face detection, tracking, and the processes that run them."""
