"""The controller (制御部): modules on their wires in, hazards and near misses on MQTT out."""
