"""A wish becomes an itinerary, which runs: `python examples/planner/demo.py "Three days by the sea in Lisbon"`."""

import asyncio
import os
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
WISH = "Three days in Lisbon, with my daughter, who loves the sea."


async def main(wish: str) -> int:
    import handlers  # noqa: PLC0415  (found in this folder, once it is on the path)

    from paigeant import Paigeant  # noqa: PLC0415

    async with Paigeant(handlers) as app, app.worker():
        run = await app.dispatch("trip", {"wish": wish})
        result = await run.result(timeout=300)
        steps = [f"{'undo ' if step.direction == 'compensate' else ''}{step.step}" for step in result.steps]
        print(f"{result.status}: {' > '.join(steps)}\n")
        if result.status != "completed":
            print(result.error.message if result.error else "")
            return 1
        print(f"{result.output['title']}: {result.output['why']}")
        print("\n".join(f"  {line}" for line in result.output["trip"]))
        print(f"\npaigeant show {run.workflow_id}")
        return 0


if __name__ == "__main__":
    os.chdir(HERE)
    sys.path.insert(0, str(HERE))
    sys.exit(asyncio.run(main(" ".join(sys.argv[1:]) or WISH)))
