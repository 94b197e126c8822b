"""Payees: where hosts' money goes. Each gateway knows them, or asks them what it must know."""
