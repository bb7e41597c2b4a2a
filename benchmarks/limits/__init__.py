"""Raw limits that need a process of their own: the least that the machine asks for what a figure measures."""
