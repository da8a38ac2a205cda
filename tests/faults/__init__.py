"""Faults of a real cluster, each a few lines, injected while clients write.

    python -m faults --list
    python -m faults active_killed standby_partitioned
    python -m faults            # all of them: about half an hour

For each it is measured how long nobody could write, how long the cluster took to be whole again, and what status.yml said
meanwhile; every acknowledged write is read back. The lab is the tests' own, or a spare one (VAULTOPS_LAB).
"""
