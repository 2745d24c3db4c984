// expect
#pragma once
