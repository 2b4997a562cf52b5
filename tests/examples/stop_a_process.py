import subprocess

from pydantic_ai import Agent
from pydantic_ai.toolsets import FunctionToolset

from approval_tui.integrations.pydantic_ai import ApprovalToolset


def shell_exec(command: str) -> str:
    return subprocess.run(command, shell=True, capture_output=True, text=True, check=False).stdout


operator = Agent(name="operator", toolsets=[ApprovalToolset(FunctionToolset([shell_exec]))])
