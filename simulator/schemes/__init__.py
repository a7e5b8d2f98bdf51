"""The protocols. Each file is one family; `simulator.catalog` names their members."""
