"""A chain for one site: pyrevm behind JSON-RPC, every transaction journalled before it is answered.

A default for one machine, not a network: no peers, no consensus, no state trie (block headers carry no state root).
"""
