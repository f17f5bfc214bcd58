"""Devices, precisions, and several processes that train as one."""
