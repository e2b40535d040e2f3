"""The cluster of the lab sheet, on ZooKeeper: one running lab for all tests of this folder."""
