"""Those who are told beside the console: delivering to them, and trying them out."""

from __future__ import annotations

from argparse import Namespace
from typing import TYPE_CHECKING

from approval_tui.cli import output
from approval_tui.cli.environment import Environment
from approval_tui.cli.exit_codes import DONE, NOT_AS_EXPECTED
from approval_tui.domain.errors import ExtraMissing, InvalidInput

if TYPE_CHECKING:
    from approval_tui.domain.sinks import Sink
    from approval_tui.notify.sending import Sent


def run(_options: Namespace, environment: Environment) -> int:
    """Delivers until it is ended: Ctrl-C interrupts it, SIGTERM is how it ends well."""
    sinks = _sinks(environment)
    environment.open_store().close()  # makes it where there is none, and says what is wrong with it
    import asyncio

    from approval_tui.notify.sending import sender_for

    for sink in sinks:
        sender_for(sink)
    return asyncio.run(_deliver(environment, sinks))


def try_out(options: Namespace, environment: Environment) -> int:
    """Sends a test to each sink, whatever it wants to hear of, and prints who took it."""
    sinks = _sinks(environment)
    import asyncio

    from approval_tui.display.visible import visible_text
    from approval_tui.domain.sinks import Webhook

    ends = asyncio.run(_try_all(sinks))
    if options.json:
        kinds = ["webhook" if isinstance(sink, Webhook) else "apprise" for sink in sinks]
        output.print_json_array(
            {"sink": sink.label, "kind": kind, "taken": sent.is_taken, "failure": sent.failure}
            for sink, kind, sent in zip(sinks, kinds, ends, strict=True)
        )
    else:
        for sink, sent in zip(sinks, ends, strict=True):
            output.print_line(visible_text(f"{sink.label}: {sent.failure or 'taken'}"))
    return DONE if all(sent.is_taken for sent in ends) else NOT_AS_EXPECTED


def _sinks(environment: Environment) -> tuple[Sink, ...]:
    sinks = environment.sinks()
    if not sinks:
        raise InvalidInput(
            "Nobody is to be told: neither the configuration nor the policy names a webhook or a chat.",
            not_done="Nothing was sent.",
            to_do="Write notify.webhook or notify.apprise into the configuration; config.example.yaml shows how.",
        )
    return sinks


async def _deliver(environment: Environment, sinks: tuple[Sink, ...]) -> int:
    import asyncio
    import signal

    from approval_tui.notify.deliverer import deliver_at

    delivering = asyncio.ensure_future(
        deliver_at(
            environment.store_location(), sinks, tell=output.narrate, remind_after=environment.settings.remind_after
        )
    )
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, delivering.cancel)
    output.narrate(f"Delivering to {', '.join(sink.label for sink in sinks)}. Ctrl-C ends it.")
    await asyncio.wait([delivering])
    if not delivering.cancelled():
        delivering.result()
    return DONE


async def _try_all(sinks: tuple[Sink, ...]) -> list[Sent]:
    import asyncio

    return await asyncio.gather(*map(_try, sinks))


async def _try(sink: Sink) -> Sent:
    from approval_tui.notify.sending import Sent, sender_for

    try:
        sender = sender_for(sink)
    except ExtraMissing:
        raise
    except InvalidInput as error:
        return Sent(error.happened)
    return await sender.try_out()
