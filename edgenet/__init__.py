"""Learn, quantize, check, export and prove small networks. Importing it is instant: heavy libraries load when used."""

__version__ = "0.1.0"
