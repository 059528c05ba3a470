"""The Fabric network: its programs, its topology, and how it is started on this machine or in containers."""
