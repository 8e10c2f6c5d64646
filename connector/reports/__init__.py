"""What is told about complaints as a whole: the register, the digest, what a fix did.

Everything is counted anew from the store, so that the same data give the same report.
No customer's name or words are in any of them.
"""
