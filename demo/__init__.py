"""The many-process demo and the scenarios it plays."""
