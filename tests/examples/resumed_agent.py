import os

from pydantic_ai import Agent, DeferredToolRequests

from approval_tui.integrations.pydantic_ai import approve_in_console

console = approve_in_console(wait=False)
agent = Agent(name="cleaner", output_type=[str, DeferredToolRequests], capabilities=[console])


@agent.tool_plain(requires_approval=True)
def delete_file(path: str) -> str:
    os.remove(path)
    return f"{path} is gone"
