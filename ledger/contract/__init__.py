"""The contract on the chain (Vyper), its committed ABI and bytecode, and its calls as bytes."""
