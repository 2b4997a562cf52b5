import os

from agentapprovalprotocol import Call, Client, Gate

gate = Gate(Client("http://127.0.0.1:9111", os.environ["APPROVAL_TUI_TOKEN"]))

with gate.guard(Call(key="run-7:call-1", tool="shell", arguments={"command": "make deploy"})) as verdict:
    if verdict:
        print("runs")
