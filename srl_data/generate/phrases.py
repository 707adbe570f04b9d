"""The small talk of the styles. ``{}`` is the step's title as an infinitive, or a formula where it says so."""

from __future__ import annotations

__all__ = [
    "AFTERTHOUGHTS", "CHECKS", "CLOSINGS", "CONNECTIVES", "FIRSTS", "LASTS", "OPENINGS", "REASSURANCES", "RECAPS",
    "SLIPS", "THOUGHTS", "WORDY_OPENINGS",
]  # fmt: skip

CLOSINGS = (  # the answer
    "The answer is {}.",
    "So the answer is {}.",
    "Therefore, the answer is {}.",
    "The final answer is {}.",
)

FIRSTS = (
    "First, we {}.",
    "We begin by asking what can be done at once: we {}.",
    "To start, we {}.",
    "Our first move is to {}.",
)

CONNECTIVES = (
    "Next, we {}.",
    "Then we {}.",
    "After that, we {}.",
    "We now {}.",
    "The next thing to do is to {}.",
    "With this in hand, we {}.",
    "Now it is time to {}.",
)

LASTS = (
    "Finally, we {}.",
    "In the end, we {}.",
    "It remains to {}.",
    "The last thing to do is to {}.",
)

WORDY_OPENINGS = (
    "Before we rush into anything, let us take a moment to look at the problem as a whole and ask ourselves where "
    "one could reasonably begin; the natural starting point, as so often, is to {}.",
    "There are several ways in which one might approach a question of this kind, but the one that I find the most "
    "transparent, and that I would recommend to anyone, is to {}.",
    "Let us read the question once more, slowly, and make sure that we know what is asked; having done that, we see "
    "that the first thing worth doing is to {}.",
)

OPENINGS = (
    "Now that the previous step is behind us, we may turn our attention to what comes next, and that is to {}.",
    "At this point one might wonder how to go on; a moment's reflection shows that the sensible thing is to {}.",
    "Let us pause and think about where we stand; it seems clear that what we want to do here is to {}.",
    "We are making good progress, and the way forward is not hard to see: we are going to {}.",
    "With everything that we have found so far safely written down, the plan is now to {}.",
    "It would be tempting to skip this part, but it is better to be thorough, and therefore we {}.",
    "Many people would do this in their heads; since we have the time, we shall do it on paper and {}.",
    "The reader may already see what is coming, namely that we ought to {}.",
)

REASSURANCES = (
    "It is worth going about this with some care, because a slip at this point would spoil all that follows.",
    "There is nothing mysterious about it, although it does no harm to say it in full.",
    "This is a standard move, and one that comes up again and again in problems of this type.",
    "One should always keep in mind why this is allowed: nothing about the problem itself is changed by it.",
    "As always, it pays to write down each intermediate result instead of trusting one's memory.",
    "If you have never seen this before, it may help to work through it with pencil and paper.",
)

RECAPS = (  # a formula
    "To put it in a nutshell, what we have now learned is that {}.",
    "So, all in all, this step tells us that {}, and we shall make use of it in a moment.",
    "In other words, and this is the point to remember, {}.",
    "Summing up this part of the argument, we may say with confidence that {}.",
    "Written once more, so that it is easy to find again later: {}.",
)

AFTERTHOUGHTS = (
    "That was not so bad after all.",
    "Looking back over this step, everything seems to be in order.",
    "It never hurts to glance over the numbers a second time, and having done so, I see no reason to doubt them.",
    "We can be quite satisfied with this.",
    "This completes what we set out to do here.",
    "One could say a good deal more about it, but this is enough for our purposes.",
)

THOUGHTS = (
    "Hmm, so I should {}.",
    "Alright, now I need to {}.",
    "So the thing to do is to {}.",
    "Now I want to {}.",
    "Okay, let me {}.",
)

SLIPS = (  # a calculation, a wrong result, the right one
    "{0} = {1}... wait, no. That can't be right. {0} = {2}.",
    "I get {0} = {1}. Hmm, let me redo that: it is {2}, not {1}.",
    "That would be {1}. Wait, I made a mistake: {0} = {2}.",
)

CHECKS = (  # a formula
    "Let me check that: {}. Yes, that works.",
    "Wait, is that right? {}. Okay, it is.",
    "Let me double-check. {}. Good.",
)
