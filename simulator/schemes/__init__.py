"""The protocols, one family of schemes in each file; `simulator.scheme_catalog` lists the schemes."""
