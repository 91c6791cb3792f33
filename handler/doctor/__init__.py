"""`maskdrop doctor`: what is wrong with a deployment, and how it is cured.

findings.py     a check's outcome; how checks are run
report.py       outcomes as a table, or as JSON
local.py        the environment's checks     stack.py    a stack's     api.py    a running API's
aws.py          what AWS says about a stack; the only file here that calls AWS
the others      the checks, by subject
"""
