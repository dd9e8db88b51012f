"""Parses the rows of a file one by one: leaves some out, and refuses the file if others are wrong."""

from collections import Counter
from collections.abc import Iterable, Iterator

from moderation.formatting import thousands
from moderation.hashlists.kinds import RowLeftOut
from moderation.hashlists.rows import HashRow, ListNotAccepted, Unparsed
from moderation.models import HashEntry, HashList

#: The most wrong rows that a message names.
MOST_NAMED = 20
#: The most reasons that are counted apart.
MOST_REASONS = 20


class RowReader:
    """Yields the rows of a file that uploads are compared with.

    Attributes:
        left_out: the number of other rows, by reason.
    """

    def __init__(self, unparsed: Iterable[Unparsed], *, kind: str) -> None:
        self.left_out: Counter[str] = Counter()
        self._unparsed, self._kind = unparsed, kind
        self._wrong: list[str] = []

    def __iter__(self) -> Iterator[HashRow]:
        """Yield the rows up to the first wrong one.

        Raises:
            ListNotAccepted: at the end, if a row was wrong, or if all were left out.
        """
        is_empty = True
        for where, parse in self._unparsed:
            try:
                row = parse()
                self._leave_out_forgeable(row)
            except RowLeftOut as reason:
                self._count(str(reason))
            except ListNotAccepted as problem:
                self._wrong.append(f"{where}: {problem}" if len(self._wrong) < MOST_NAMED else "")
            else:
                is_empty = False
                if not self._wrong:
                    yield row
        self._refuse_wrong_rows()
        if is_empty and self.left_out:
            raise ListNotAccepted(
                f"uploads can be compared with none of the rows: {', '.join(self.left_out)}. Accepted are pdq, sha256, "
                "md5 and sha1 with the status of the list's kind"
            )

    def _leave_out_forgeable(self, row: HashRow) -> None:
        if self._kind == HashList.Kind.KNOWN_GOOD and row.algorithm in HashEntry.FORGEABLE:
            raise RowLeftOut(f"{row.algorithm}, which can be forged and proves nothing good about a file")

    def _count(self, reason: str) -> None:
        is_one_more = reason not in self.left_out and len(self.left_out) >= MOST_REASONS
        self.left_out["other reasons" if is_one_more else reason] += 1

    def _refuse_wrong_rows(self) -> None:
        if len(self._wrong) == 1:
            raise ListNotAccepted(self._wrong[0])
        if self._wrong:
            more = len(self._wrong) - MOST_NAMED
            rest = f"\nand {thousands(more)} more" if more > 0 else ""
            raise ListNotAccepted(
                f"{thousands(len(self._wrong))} rows are wrong:\n" + "\n".join(self._wrong[:MOST_NAMED]) + rest
            )
