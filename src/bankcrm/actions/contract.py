"""The contract of the action list: one row per action."""

from __future__ import annotations

from bankcrm.frames import Column
from bankcrm.vocabulary import Channel, ContactPurpose, Department

PRIORITIES = ("urgent", "high", "normal", "low")
"""The outcomes of the table ``action_priority``, the most pressing first."""

PERMISSIONS = ("allow", "hold", "never", "unknown")
"""The outcomes of the table ``contact``, and ``unknown`` where a fact that it needs is missing."""

ACTION_COLUMNS: tuple[Column, ...] = (
    Column("action_id", "text",
           meaning="The subject and its tasks with their occasions, such as "
           "customer:7:wake_up@2026-06-01; it stays the same from review to review, but for tasks "
           "that count from the day of the review."),
    Column("customer_id", "id", nullable=True,
           meaning="The customer; null for a complaint that names none."),
    Column("complaint_id", "id", nullable=True, meaning="The complaint that the action is about."),
    Column("action", "category", meaning="The code of the action, such as wake_up."),
    Column("title", "category", meaning="The action in words."),
    Column("title_zh", "category", nullable=True, meaning="The action in Chinese, if the policy "
           "has it."),
    Column("priority", "category", choices=PRIORITIES,
           meaning="How pressing it is, by the policy's table action_priority."),
    Column("department", "category", choices=tuple(Department),
           meaning="The department that does it (LCM-5)."),
    Column("manager", "category", nullable=True,
           meaning="The employee who looks after the customer or the complaint, if recorded; of an "
           "action about staff the employee or branch."),
    Column("channel", "category", nullable=True, choices=tuple(Channel),
           meaning="How the playbook contacts the customer."),
    Column("preferred_channel", "category", nullable=True, choices=tuple(Channel),
           meaning="The channel that the customer answers best, if known."),
    Column("purpose", "category", nullable=True, choices=tuple(ContactPurpose),
           meaning="What the customer is contacted for; null where the action contacts nobody."),
    Column("contact", "category", nullable=True, choices=PERMISSIONS,
           meaning="Whether the bank may make this contact, by the policy's table contact; null "
           "where the action contacts nobody."),
    Column("contact_rule", "category", nullable=True,
           meaning="The rule of that table; null where the contact is unknown."),
    Column("contact_reason", "category", nullable=True,
           meaning="Why the contact is allowed, held or forbidden, or what is not known, in "
           "words."),
    Column("contact_from", "date", nullable=True,
           meaning="The day from which a contact held by cool-off or cap is allowed."),
    Column("occasion", "date", meaning="The day from which the due day is counted."),
    Column("due", "date", meaning="The day by which it is to be done."),
    Column("since", "date",
           meaning="The day of the first of the reviews, one compared with the other, that has it "
           "without a break; the day of the review for a new one."),
    Column("overdue", "boolean", meaning="Whether the due day lies before the day of the review."),
    Column("value_at_stake", "money", nullable=True, unit="CNY per year",
           meaning="What the customer contributes, if that is known and more than nothing."),
    Column("origin", "category",
           meaning="The sources that found the action, joined by +, the leading one first."),
    Column("reason", "category", meaning="Why, in words; several reasons are joined by '; '."),
    Column("rules", "category",
           meaning="The rules behind it as table.rule, joined by +, in the order of the reasons."),
    Column("evidence", "text",
           meaning="The facts that the rules read, such as days_idle = 102, joined by '; '."),
    Column("source", "category", meaning="The source ids of action and rules, joined by +."),
)  # fmt: skip
"""The columns of the action list; its key is ``action_id``."""

COLUMN_NAMES = tuple(c.name for c in ACTION_COLUMNS)
FOUND = tuple(n for n in COLUMN_NAMES if n.partition("_")[0] != "contact")
"""The columns before it is decided who may be contacted."""

DONE_COLUMNS: tuple[Column, ...] = (
    Column("action_id", "text", meaning="The action that was done, as the action list names it."),
    Column("day", "date", meaning="The day on which it was done."),
    Column("note", "text", False, True, meaning="What came of it."),
)
"""The columns of the list of actions that were done."""
