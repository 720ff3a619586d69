"""What shows an answer: the terminal and the chat page. They translate and never think."""

from rag.system.quiet import quiet

quiet()
