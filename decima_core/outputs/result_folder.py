"""An output folder whose files are written part by part: opened, finished and given up together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar

from decima_core.outputs.manifest import write_manifest
from decima_core.outputs.partial_folder import MANIFEST, PartialFolder


class Opened(Protocol):
    """A file that is being written. Closing one twice does nothing."""

    def finish(self) -> None:
        """Write what is left, and close it: it is whole."""

    def close(self) -> None:
        """Close it as it is."""


FileT = TypeVar("FileT", bound=Opened)


class ResultFolder(PartialFolder):
    """Base of the folders of results.

    ``with SomeFolder(...) as folder: ...; folder.finish(manifest)``. Left by an exception, or without ``finish``, it removes
    its partial files, and the folder is as it was before.

    Raises
    ------
    OutputError
        If the folder holds a finished run and ``overwrite`` is false, or cannot be written.
    """

    def __init__(self, path: str | Path, files: Sequence[str], *, overwrite: bool = False) -> None:
        super().__init__(path, files, overwrite=overwrite)
        self._opened: list[Opened] = []
        self._finished = False

    @contextmanager
    def opening(self) -> Iterator[None]:
        """Files are opened inside; where one of them fails, all are removed."""
        try:
            with self.explained():
                yield
        except BaseException as error:
            if not isinstance(error.__cause__, BlockingIOError):  # the partial files are another run's
                self._give_up()
            raise

    def opened(self, file: FileT) -> FileT:
        """The file, which is finished, in turn, or given up with the folder."""
        self._opened.append(file)
        return file

    def complete(self) -> None:
        """Finish every file; a folder that writes one out of others adds that here."""
        for file in self._opened:
            file.finish()

    def finish(self, manifest: Mapping[str, Any]) -> None:
        """Take over every file, in place of an older run's, and the manifest last."""
        self.prepare(manifest)
        self.publish()

    def prepare(self, manifest: Mapping[str, Any]) -> None:
        """Write every file to its end, under its partial name."""
        with self.explained():
            self.complete()
            write_manifest(self.partial(MANIFEST), manifest)

    def publish(self) -> None:
        """Take over every file that is prepared, in place of an older run's, and the manifest last."""
        self.take_over()
        self._finished = True

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._finished:
            self._give_up()

    def _give_up(self) -> None:
        """Remove the partial files. On a full disk closing fails too, but the first error is the one to tell."""
        for file in self._opened:
            with suppress(OSError):
                file.close()
        self.discard()
