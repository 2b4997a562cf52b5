import os

from pydantic_ai import Agent
from pydantic_ai.toolsets import FunctionToolset

from approval_tui.integrations.pydantic_ai import ApprovalToolset


def delete_file(path: str) -> None:
    os.remove(path)


async def call_worker(task: str) -> str:
    return (await worker.run(task)).output


worker = Agent(name="worker", toolsets=[ApprovalToolset(FunctionToolset([delete_file]))])
lead = Agent(name="lead", toolsets=[ApprovalToolset(FunctionToolset([call_worker]))])
