"""The long crash test: kill the real commands at random moments and check the store after each restart.

`killer` runs edgecl and kills it, `state` reads the store after a restart and checks it, `campaign` chooses
the commands and moments. `python -m tools.crash --kills 200`.
"""
