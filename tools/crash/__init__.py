"""The long crash test: SIGKILL at random moments of the real commands, and a look at what is left.

`killer` runs edgecl and kills it, `state` is what a restart finds and the rule it must obey, `campaign`
chooses what to do next. `python -m tools.crash --kills 200`.
"""
