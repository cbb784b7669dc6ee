"""The check of edgecl on an emulated 64-bit board: Debian arm64 in a folder, its programs run by qemu."""
