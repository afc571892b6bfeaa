"""Grade a class: each submission in a worker of its own, the judge outside of it.

inside      what runs beside a submission.  It knows neither answers nor seeds, and imports
            nothing from `outside`, `results` or a course
outside     what starts workers, asks them, and judges.  It believes plain values alone
results     what is written: tables, feedback, summaries
"""
