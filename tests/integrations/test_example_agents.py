"""The examples of agents are what the README shows, short, and do what it says, with a reviewer at their side."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from pydantic_ai import Agent, DeferredToolRequests, ModelMessage, ModelMessagesTypeAdapter, ModelResponse
from pydantic_ai.messages import TextPart, ToolCallPart, ToolReturnPart
from pydantic_ai.models.function import AgentInfo, FunctionModel

from approval_tui import ApprovalWorkflow
from approval_tui.domain.models import Request
from approval_tui.gate.workflow_results import Completed
from approval_tui.store.blocking import BlockingStore
from tests.integrations.scripted_reviewer import YES, Verdict, no, scripted_reviewer
from tests.support import LONG, assert_sound

FOLDER = Path(__file__).parent.parent / "examples"
README = (FOLDER.parent.parent / "README.md").read_text(encoding="utf-8")
NAMES = ["delegating_agent", "policy_update", "resumed_agent", "stop_a_process"]
OF_THE_SERVER = ("remote_agent.py", "protocol_agent.py")
"""What tests/server runs."""


def example(name: str) -> ModuleType:
    """The example, loaded anew."""
    spec = importlib.util.spec_from_file_location(f"example_{name}", FOLDER / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def block_after(name: str) -> str:
    """The block of code that comes next in the README after the example."""
    example_text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    return README.split(f"```python\n{example_text}```", 1)[1].split("```python\n", 1)[1].split("```", 1)[0]


def test_every_code_of_the_readme_is_an_example_or_comes_after_one_or_is_run_elsewhere() -> None:
    known = [(FOLDER / f"{name}.py").read_text(encoding="utf-8") for name in NAMES]
    known += [block_after("resumed_agent"), block_after("policy_update")]
    known += [(FOLDER / name).read_text(encoding="utf-8") for name in OF_THE_SERVER]
    others = [text for text in re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL) if text not in known]
    assert len(others) == 2  # tests/test_readme.py runs these


def results(messages: list[ModelMessage]) -> list[str]:
    """What the tools gave so far."""
    return [str(part.content) for message in messages for part in message.parts if isinstance(part, ToolReturnPart)]


def calls(tool: str, **arguments: Any) -> ModelResponse:
    return ModelResponse(parts=[ToolCallPart(tool, arguments)])


def says(text: str) -> ModelResponse:
    return ModelResponse(parts=[TextPart(text)])


def test_these_are_all() -> None:
    assert sorted(path.stem for path in FOLDER.glob("*.py") if path.name not in OF_THE_SERVER) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_an_example_stands_in_the_readme_in_ten_lines_or_fewer(name: str) -> None:
    text = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert len([line for line in text.splitlines() if line.strip()]) <= 10
    assert f"```python\n{text}```" in README


@pytest.fixture
def hog() -> Iterator[subprocess.Popen[bytes]]:
    """A harmless process, which does nothing but wait."""
    waiting = [sys.executable, "-c", "import sys; sys.stdin.read()", "hogs-port-8080"]
    with subprocess.Popen(waiting, stdin=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.kill()


def find_and_stop(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
    """A model that plans each step on what the last one found."""
    seen = results(messages)
    if not seen:
        return calls("shell_exec", command="grep -l '[h]ogs-port-8080' /proc/[0-9]*/cmdline")
    if len(seen) == 1:
        return calls("shell_exec", command=f"kill {seen[0].split('/')[2]}")
    return says("Done! Port 8080 is free.")


async def test_an_agent_finds_and_stops_a_process_step_by_step(
    hog: subprocess.Popen[bytes], default_store: str
) -> None:
    def decide(request: Request) -> Verdict:
        harmless = [f"kill {hog.pid}", "grep -l '[h]ogs-port-8080' /proc/[0-9]*/cmdline"]
        return YES if request.arguments["command"] in harmless else no("That is another process.")

    operator: Agent[None, str] = example("stop_a_process").operator
    with scripted_reviewer(default_store, decide) as reviewer:
        result = await operator.run("Find and stop what hogs port 8080", model=FunctionModel(find_and_stop))
    assert result.output == "Done! Port 8080 is free."
    assert hog.wait(LONG) == -15
    assert [(request.requester, request.tool) for request in reviewer.requests] == [("operator", "shell_exec")] * 2


async def test_a_sub_agents_calls_ask_too(tmp_path: Path, default_store: str, desk: BlockingStore) -> None:
    doomed, kept = tmp_path / "doomed", tmp_path / "kept"
    for file in (doomed, kept):
        file.write_text("here")

    def lead_model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return says(results(messages)[-1]) if results(messages) else calls("call_worker", task="delete what is doomed")

    def worker_model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return says("deleted") if results(messages) else calls("delete_file", path=str(doomed))

    module = example("delegating_agent")
    with (
        scripted_reviewer(default_store, lambda request: YES) as reviewer,
        module.worker.override(model=FunctionModel(worker_model)),
    ):
        assert (await module.lead.run("Tidy up", model=FunctionModel(lead_model))).output == "deleted"
    assert [(request.requester, request.tool) for request in reviewer.requests] == [
        ("lead", "call_worker"),
        ("worker", "delete_file"),
    ]
    assert (doomed.exists(), kept.exists()) == (False, True)
    assert_sound(desk)


def test_a_policy_is_updated_after_one_rejection(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, default_store: str
) -> None:
    monkeypatch.chdir(tmp_path)

    def decide(request: Request) -> Verdict:
        return YES if request.arguments["max_amount_without_approval"] <= 5000 else no("Too much.")

    workflow: ApprovalWorkflow[int] = example("policy_update").workflow
    with scripted_reviewer(default_store, decide) as reviewer:
        namespace: dict[str, Any] = {"workflow": workflow}
        exec(compile(block_after("policy_update"), "README.md", "exec"), namespace)
    ended = namespace["result"]
    assert isinstance(ended, Completed)
    assert ended.approval is not None
    assert (ended.approval.reviewer, ended.attempts) == ("ann", 2)
    assert json.loads((tmp_path / "policy.json").read_text()) == {
        "policy": "expenses",
        "max_amount_without_approval": 5000,
    }
    first, second = reviewer.requests
    assert second.attempt is not None
    assert (second.attempt.number, second.attempt.most, second.attempt.previous) == (2, 3, first.id)


async def test_an_agent_is_resumed_with_what_was_decided_meanwhile(tmp_path: Path, default_store: str) -> None:
    doomed = tmp_path / "doomed"
    doomed.write_text("here")

    def model(messages: list[ModelMessage], info: AgentInfo) -> ModelResponse:
        return says(results(messages)[-1]) if results(messages) else calls("delete_file", path=str(doomed))

    module = example("resumed_agent")
    ended = await module.agent.run("Clean up", model=FunctionModel(model))
    assert isinstance(ended.output, DeferredToolRequests)
    assert doomed.exists()
    history = ModelMessagesTypeAdapter.validate_json(ended.all_messages_json())
    later = example("resumed_agent")
    lines = block_after("resumed_agent").replace("await agent.run", "return await agent.run")
    source = "async def resume():\n" + textwrap.indent(lines, "    ")
    result = SimpleNamespace(output=ended.output, all_messages=lambda: history)
    namespace: dict[str, Any] = {"console": later.console, "agent": later.agent, "result": result}
    exec(compile(source, "README.md", "exec"), namespace)
    with scripted_reviewer(default_store, lambda request: YES), later.agent.override(model=FunctionModel(model)):
        resumed = await namespace["resume"]()
    assert resumed.output == f"{doomed} is gone"
    assert not doomed.exists()
