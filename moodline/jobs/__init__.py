"""Jobs as the API and whoever does them see them: what is wanted, how far it is, where its files lie.

RQ brings a job to a worker and brings it to another one where that worker dies; what a job is stands in a hash of our
own, so that neither side has to read the other's code or RQ's pickles.
"""
