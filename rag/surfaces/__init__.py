"""What shows an answer: the terminal, the page, REST and MCP. They translate and decide nothing."""

from rag.system.telemetry import disable_telemetry

disable_telemetry()
