"""A pole on a laptop: a road, modules on real wires, faults, and a broker."""
