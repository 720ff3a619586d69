"""What shows an answer: the terminal and the chat page. They translate and never think."""

from rag.system.telemetry import disable_telemetry

disable_telemetry()
