import os

from approval_tui import Gate

gate = Gate(requester="release-bot", url="http://127.0.0.1:9111", token=os.environ["APPROVAL_TUI_TOKEN"])

with gate.guard("shell", {"command": "make deploy"}) as call:
    print("runs", call.arguments)
